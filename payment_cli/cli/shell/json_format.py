"""`-json '{…}'`: how JSON is written, in the words of the reference shell (JsonFormat of nutz).

    compact      true: in one line            ignoreNull   true: without keys that are null
    actived      only keys that this regex    locked       no keys that this regex finds,
                 finds, at every depth                     unless actived is given
    indentBy     the blanks of one step       autoUnicode  true: whatever is not ASCII is escaped
    quoteName, unicodeLower                   accepted: keys are always quoted

What it does not say, the flags say: `-c`, `-n`, `-e`, `-H`.
"""

from payment_cli.cli.shell.loose_json import read_object
from payment_cli.cli.shell.printing import JsonFormat, KeyFilter, compile_keys
from payment_cli.model.fields import Fields

_BLANKS_MAX = 16


def read_json_format(text: str) -> JsonFormat:
    """Read the value of `-json`; "" is plain JSON.

    Raises:
        InvalidValueError: it is no such object.
    """
    fields = Fields(read_object(text, "-json"), "-json")
    actived, locked = fields.text("actived"), fields.text("locked")
    indent = fields.raw("indentBy")
    if indent is None:
        indent = "  "
    elif not isinstance(indent, str) or indent.strip(" \t") or len(indent) > _BLANKS_MAX:
        raise fields.error("indentBy", f"must be blanks, at most {_BLANKS_MAX}", indent)
    for name in ("quoteName", "unicodeLower"):
        fields.flag(name)
    form = JsonFormat(
        compact=fields.flag("compact") if fields.raw("compact") is not None else None,
        nulls=not fields.flag("ignoreNull") if fields.raw("ignoreNull") is not None else None,
        is_shown=_filter(actived, locked),
        indent=indent,
        is_ascii=fields.flag("autoUnicode"),
    )
    fields.refuse_rest()
    return form


def _filter(actived: str, locked: str) -> KeyFilter | None:
    if actived:
        return compile_keys(actived, "-json: actived")
    return compile_keys(f"!{locked}", "-json: locked") if locked else None
