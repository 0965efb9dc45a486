"""Slack's limits as this bot keeps them; what a view holds is cut to them before it is sent.

Characters are counted after escaping.  The margins are ours: Slack documents the figures in
brackets, and counts some characters twice.
"""

MESSAGE_BLOCKS = 48  # (50)
MESSAGE_CHARACTERS = 12_000  # (about 13,000 over all blocks, undocumented)
VIEW_BLOCKS = 100
VIEW_BYTES = 200_000  # (250,000)
SECTION = 2_900  # (3,000)
CONTEXT = 1_900  # (2,000 in older clients)
HEADER = 150
BUTTON = 75
VALUE = 2_000
OPTION_TEXT = 75
OPTION_VALUE = 150
ACTION_ID = 255
MODAL_TITLE = 24
MODAL_BUTTON = 24
METADATA = 3_000
CONFIRM_TITLE = 100
CONFIRM_TEXT = 300
CONFIRM_BUTTON = 30
INPUT_LABEL = 2_000
INPUT_TEXT = 3_000
PLACEHOLDER = 150
SELECT_OPTIONS = 100
OVERFLOW_OPTIONS = 5
TEXT = 3_000  # of notifications; Slack cuts at 40,000
