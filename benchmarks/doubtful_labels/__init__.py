"""Which wrong labels `wsdkd labels` finds, and what correcting them is worth where truth is known.

    python -m benchmarks.doubtful_labels [--profile scenes] [--set KEY=VALUE] [--networks baseline,student]

A seed spoils labels of training and validation images; test labels stay right. Of the present labels a
tenth is wrong then: half of these are dropped, half are moved to another class, which makes two labels wrong.
Doubts are ranked as `wsdkd labels` does. A person is played by the truth: of the first n doubts, n the number
of wrong labels, the right ones are accepted. Networks are trained on spoiled, corrected and true labels, and
scored on the test split. What is finished stays in the folder, so that an interrupted run goes on.

    python -m benchmarks.doubtful_labels --within PROJECT

trains nothing: it spoils validation and test labels, from which no network of that project has learned.
"""
