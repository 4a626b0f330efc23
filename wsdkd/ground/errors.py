"""The mark that tells what a user can put right from a defect of the program."""


class UserError(ValueError):
    """Something outside of the program is wrong: a file, a parameter, a dataset.

    The message stands alone: it names the file and the field, and says what to do. A stage and the
    command line print it as one line; any other exception keeps its traceback.
    """
