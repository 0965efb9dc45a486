"""Where files lie that outlive a process, by the settings: data folder, shared database, bucket.

Used by the wiring and by the commands that keep or read something beside a running bot.
"""

from adapters.evidence import LARGEST_IN_TABLE, EvidenceStore
from adapters.vault import KeyVault
from bot import drills, factors
from bot.drills import Drills
from bot.factors import Factors
from config.settings import Settings
from flows.engine import JournalError
from flows.files import FolderFiles, Records

EVIDENCE = "evidence"


def evidence_of(settings: Settings) -> EvidenceStore:
    """Return where evidence is: a bucket where one is named, else what replicas share."""
    if settings.evidence is not None:
        from adapters.aws.s3.buckets import BucketFiles

        return EvidenceStore(BucketFiles(settings.evidence))
    largest = LARGEST_IN_TABLE if settings.database_url else None
    return EvidenceStore(_records(settings, EVIDENCE), largest=largest)


def drills_of(settings: Settings) -> Drills:
    """Return the drills that passed."""
    return Drills(_records(settings, drills.KIND))


def vault_of(settings: Settings) -> KeyVault:
    """Return what seals secrets, with the keys of the environment."""
    return KeyVault([key.get_secret_value() for key in settings.capture_keys])


def factors_of(settings: Settings) -> Factors:
    """Return people's second factors."""
    return Factors(_records(settings, factors.KIND), vault_of(settings))


def _records(settings: Settings, kind: str) -> Records:
    if settings.database_url is None:
        return FolderFiles(settings.data / kind)
    try:
        from flows.shared.files import TableFiles
    except ImportError as error:
        raise JournalError(
            f"a shared database needs {error.name}: install backout with the extra `postgres`"
        ) from error
    return TableFiles(settings.database_url.get_secret_value(), kind)
