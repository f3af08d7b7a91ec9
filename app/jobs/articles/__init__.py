"""What is done about articles in the background: looked at by WeChat, sent out, followed to their end, taken down."""
