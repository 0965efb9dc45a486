"""A PagerDuty of the sandbox's own: it takes alerts, rings phones, and tells who answered.

Events v2, REST and webhooks v3 as PagerDuty publishes them, over TLS, on this machine only.  What
it doesn't know it refuses, also where PagerDuty would be generous: a wrong request is to be seen.
"""

from sandbox.pagerduty.server import PagerDuty

__all__ = ["PagerDuty"]
