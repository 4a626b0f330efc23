"""``python -m wsdkd``: the command ``wsdkd``, for whoever starts it by its interpreter."""

from wsdkd.cli.main import main

main()
