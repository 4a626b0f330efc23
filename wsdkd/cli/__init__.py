"""The wsdkd command."""
