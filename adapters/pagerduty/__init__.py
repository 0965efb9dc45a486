"""PagerDuty: a way to call people, and to hear from them.  `bot.pagerduty` puts it together."""
