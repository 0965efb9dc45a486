"""What people see who are called, and the button that says that somebody is there."""

from bot.views.blocks import Block, Element, Message, actions, context, section
from bot.views.controls import Act, Control, button
from bot.wording import paging, situations
from bot.wording.replies import channel_link
from flows import events
from flows.gates import Person
from flows.objections import objection
from flows.paging import Page
from flows.runs import Run


def page_message(run: Run, page: Page, person: Person) -> Message:
    """Return the direct message that calls one person."""
    said = "\n".join(
        [
            paging.called(run, page),
            situations.what_it_is(run),
            f"Please go to {channel_link(run)}; the card there says where it stands.",
        ]
    )
    return Message(text=said, blocks=[section(said), *actions([acknowledge(run, person)])])


def acknowledge(run: Run, person: Person) -> Element | None:
    """Return the button, while an acknowledgement would count."""
    asked = events.PageAcknowledged(person=person, via="slack")
    if objection(run, asked) is not None:
        return None
    return button(Control(act=Act.ACKNOWLEDGE, incident=run.id), "Acknowledge")


def paging_blocks(run: Run) -> list[Block]:
    """Return the card's line on who was called, with the button while nobody has answered."""
    said = paging.standing(run)
    press = acknowledge(run, run.declared_by)
    if not said:
        return []
    return [section(said, accessory=press) if press else context(said)]
