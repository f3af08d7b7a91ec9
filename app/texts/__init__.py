"""Text messages (短信): the last way to reach somebody whom WeChat did not, where the policy says so."""
