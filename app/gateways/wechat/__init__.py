"""Our side of the WeChat server API, by subject. Everything else in the service asks here, and nobody speaks to WeChat
past it (docs/decisions/0057-talking-to-wechat.md)."""
