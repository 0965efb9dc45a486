"""Mail: one message to one audience, handed to a server over SMTP, or to Amazon SES."""
