"""One thin main a DVC stage: read parameters and inputs, call wsdkd, write outputs."""
