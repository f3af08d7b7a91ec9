"""What is done about WeChat in the background: messages sent, pushes handled, jobs asked about."""
