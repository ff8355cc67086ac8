"""Every error the tool can name, with its stable code and documented exit code.

PaymentError
├─ InvalidValueError      2  e.pay.invalid      an argument or a document is not what it must be
├─ NotFoundError         10  e.pay.noexists     no such record, merchant or file
│  └─ AmbiguousIdError   10  e.pay.ambiguous    a fragment of an id that fits several records
├─ ConflictError         11  e.pay.conflict     changed meanwhile, or same key with other inputs
├─ NotAllowedError       12  e.pay.nopvg        forbidden for this caller, state or rule
│  └─ OtherSessionError  12  e.pay.session      a browser's session is not the one that is meant
├─ DeclinedError         20  e.pay.declined     the payer's side said no
├─ OutcomeUnknownError   21  e.pay.unknown      the provider may or may not have acted
│  └─ ElsewhereError      21  e.pay.elsewhere  who was asked may not be whom it was sent to
├─ UntrustedError        22  e.pay.untrusted    signature, amount, merchant or number do not agree
│  └─ UnfitError         22  e.pay.unfit        verified, but it can't be followed
├─ ProviderRefusedError  23  e.pay.refused      the provider refused our request
├─ PartDoneError         24  e.pay.part         a part was not done, and is tried again later
├─ StorageError          30  e.pay.storage      the disk or the database failed
├─ LockedError           31  e.pay.locked       another process held the tree for too long
├─ CorruptRecordError    32  e.pay.corrupt      a record or file is damaged or foreign
└─ ConfigError           40  e.pay.config       a setting or gateway config is missing or wrong
   ├─ OtherAccountError    40  e.pay.account    a payment's target is another account by now
   └─ OtherOwnerError    40  e.pay.owner        the tree is another user's: it is not written to

Constructors take facts and build the sentence: one line, what happened, to which id. `hint` says
what to do next. Sentences never contain secrets: their writers see to it, and `without_secrets`
where a person typed one in another's place. Caught in two places: cli/main.py and web/.
"""

from typing import ClassVar

#: What is known by its looks to be for few eyes, wherever it was typed or pasted.
_SECRETS = (
    r"(?s)-----BEGIN [^-]+-----.*?(-----END [^-]+-----|$)"  # keys and certificates
    r"|[A-Za-z0-9+/=_-]{160,}"  # … without their lines
    r"|[0-9a-z][0-9a-z_.-]*~[0-9A-Za-z_-]+~[0-9A-Za-z_-]{20,}"  # tokens of sessions
    r"|(?<![0-9A-Fa-f])[0-9A-Fa-f]{64}(?![0-9A-Fa-f])"  # view keys, keys in hex
    r"|whsec_[A-Za-z0-9+/=]+"  # keys of webhooks
    r"|(?<![0-9A-Za-z])(1[0-5][0-9]{16}|(2[5-9]|30)[0-9]{14,22})(?![0-9A-Za-z])"  # auth codes
    r"|(?<=://)[^/@\s]*:[^/@\s]*(?=@)"  # a user and its password in a URL
)


def without_secrets(text: str) -> str:
    """Return a sentence with what looks like a secret in it replaced by how long it was."""
    import re  # an error is made seldom; every start would pay for a compiled pattern

    return re.sub(_SECRETS, lambda found: f"[{len(found[0])} characters]", text)


class PaymentError(Exception):
    """Base of every error a user can be shown."""

    code: ClassVar[str] = "e.pay.error"
    exit_code: ClassVar[int] = 1
    #: Whether it is for us to mend (HTTP 5xx), not for who asked (HTTP 4xx).
    is_ours: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Take the one-line `message` and, where there is one, a `hint` on what to do next."""
        super().__init__(without_secrets(" ".join(message.splitlines())))
        self.hint = without_secrets(hint)


class InvalidValueError(PaymentError):
    """An argument or a document is not what it must be."""

    code = "e.pay.invalid"
    exit_code = 2


class NotFoundError(PaymentError):
    """There is no such record, merchant, target or file."""

    code = "e.pay.noexists"
    exit_code = 10

    def __init__(self, kind: str, name: str, *, hint: str = "") -> None:
        """Say which `kind` of thing (payment, order, …) has no member `name`."""
        super().__init__(f"no {kind} {name}", hint=hint)
        self.kind = kind
        self.name = name


class AmbiguousIdError(PaymentError):
    """A fragment of an id fits more than one record."""

    code = "e.pay.ambiguous"
    exit_code = 10

    def __init__(self, kind: str, fragment: str) -> None:
        """Name the `kind` of record and the `fragment` that fits several of them."""
        super().__init__(
            f"{fragment} fits more than one {kind}", hint="give more characters of the id"
        )


class ConflictError(PaymentError):
    """The record changed meanwhile, or the same key came with other inputs."""

    code = "e.pay.conflict"
    exit_code = 11


class NotAllowedError(PaymentError):
    """The caller, the state or a rule forbids it."""

    code = "e.pay.nopvg"
    exit_code = 12


class OtherSessionError(NotAllowedError):
    """A browser's session is not the one that is meant: it entered elsewhere, or is about to."""

    code = "e.pay.session"


class DeclinedError(PaymentError):
    """The payer's side said no."""

    code = "e.pay.declined"
    exit_code = 20


class OutcomeUnknownError(PaymentError):
    """The provider may or may not have acted; the state is unchanged until it is asked."""

    code = "e.pay.unknown"
    exit_code = 21


class ElsewhereError(OutcomeUnknownError):
    """Who was asked knows no such order, but may not be whom the payment was sent to."""

    code = "e.pay.elsewhere"


class UntrustedError(PaymentError):
    """Signature, time, amount, merchant or order number do not agree. Nothing was settled."""

    code = "e.pay.untrusted"
    exit_code = 22


class UnfitError(UntrustedError):
    """A message is verified, but can't be followed: it is about money, and names no order."""

    code = "e.pay.unfit"


class ProviderRefusedError(PaymentError):
    """The provider refused our request (credentials, parameters) or could not be reached."""

    code = "e.pay.refused"
    exit_code = 23


class PartDoneError(PaymentError):
    """A sweep did what it could, and the rest is postponed: `payment doctor` lists it."""

    code = "e.pay.part"
    exit_code = 24


class StorageError(PaymentError):
    """The disk or the database failed; nothing was acknowledged."""

    code = "e.pay.storage"
    exit_code = 30
    is_ours = True


class LockedError(PaymentError):
    """Another process held the tree for longer than we wait."""

    code = "e.pay.locked"
    exit_code = 31
    is_ours = True


class CorruptRecordError(PaymentError):
    """A record or its file is damaged, or was edited by a foreign hand."""

    code = "e.pay.corrupt"
    exit_code = 32
    is_ours = True


class ConfigError(PaymentError):
    """A setting or a gateway config is missing or wrong; the sentence names file and key."""

    code = "e.pay.config"
    exit_code = 40
    is_ours = True


class OtherAccountError(ConfigError):
    """A payment was sent through another account than its target is by now."""

    code = "e.pay.account"


class OtherOwnerError(ConfigError):
    """Somebody would write into the tree of another user, who could then not read it."""

    code = "e.pay.owner"

    def __init__(self, root: str, owner: str, caller: str) -> None:
        """Build the sentence from the root folder and the names of both users."""
        hint = f"sudo -u {owner} COMMAND, or runuser -u {owner} -- COMMAND; the crontab of {owner}"
        if owner.startswith("#"):  # a number, which only sudo takes
            hint = f"sudo -u '{owner}' COMMAND"
        super().__init__(
            f"{root} belongs to the user {owner}, and you are {caller}: what you wrote there"
            f" {owner} could not read, so nothing was written",
            hint=hint,
        )
