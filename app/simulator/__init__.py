"""A stand-in for the WeChat server API, spoken to over HTTP. It knows nothing of the service it is used with."""
