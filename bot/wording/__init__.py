"""The sentences that people read, by subject.  Everybody else imports them from `bot.messages`."""
