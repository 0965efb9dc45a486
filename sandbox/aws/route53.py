"""Route 53: a change is PENDING until it is INSYNC, and only changes that were made are known."""

from __future__ import annotations

from typing import Any

from sandbox.aws.patches import Patches
from sandbox.aws.progress import Progress

CHANGE = "route53:Change"
WRITES = ("change_resource_record_sets", "create_hosted_zone", "delete_hosted_zone")
PENDING, INSYNC = "PENDING", "INSYNC"


def tighten(patches: Patches, progress: Progress) -> None:
    """Give every change an id of its own."""
    from moto.route53.exceptions import Route53ClientError
    from moto.route53.responses import Route53

    def write(original: Any, response: Any) -> Any:
        answer = original(response)
        change = progress.begin(CHANGE)
        answer.result["ChangeInfo"] |= {"Id": f"/change/{change.name}", "Status": PENDING}
        return answer

    def get_change(original: Any, response: Any) -> Any:
        name = response._get_param("Id").rpartition("/")[2]
        progress.look(CHANGE, name)
        found = progress.find(CHANGE, name)
        if found is None:
            raise Route53ClientError("NoSuchChange", f"There is no change {name}.")
        answer = original(response)
        answer.result["ChangeInfo"] |= {
            "Id": f"/change/{name}",
            "Status": INSYNC if found.done else PENDING,
            "SubmittedAt": found.begun,
        }
        return answer

    for name in WRITES:
        patches.around(Route53, name, write)
    patches.around(Route53, "get_change", get_change)
