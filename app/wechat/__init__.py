"""What the service keeps of its dealings with WeChat: the shared token, pauses, pushes that came in, subscriptions,
messages on their way, and jobs that WeChat works on."""
