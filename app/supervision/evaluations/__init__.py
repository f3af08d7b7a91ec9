"""Third-party evaluation (第三方评估): two evaluators who know nothing of each other look at drawn household files."""
