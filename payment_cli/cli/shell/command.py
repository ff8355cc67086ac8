"""Click's command, group and option, as both programs use them.

Every word of a command line is settled by `argv.py` first, so that Click only parses what can be
read one way. A group loads a command's module when that command is called, not before.
"""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import click

from payment_cli.cli.shell.argv import Spelling, canonical_words, shown
from payment_cli.errors import CorruptRecordError, InvalidValueError, StorageError

if TYPE_CHECKING:
    from datetime import tzinfo

    from payment_cli.app import App


class Option(click.Option):
    """An option that may also stand alone: then its value is `bare`."""

    def __init__(self, *args: Any, bare: str | None = None, opens: str = "", **kwargs: Any) -> None:
        """Declare an option; `bare` None means that a value must follow.

        A word that does not begin with `opens` is no value of it, but what comes next.
        """
        super().__init__(*args, **kwargs)
        self.bare = bare
        self.opens = opens


class Command(click.Command):
    """A command with examples, and with the options every command takes."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        """Declare a command; `examples` are whole command lines, shown by `--help`."""
        super().__init__(*args, **kwargs)
        self.examples = examples
        self.params = [*self.params, *global_options(is_hidden=True)]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Settle the words, then let Click parse them."""
        return super().parse_args(ctx, _settled(self, ctx, args))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and close its tree: only then it is known that all of it is done.

        Raises:
            StorageError: what it did is stored, but a file of it is not written yet.
            CorruptRecordError: what it printed lacks damaged records.
        """
        result = super().invoke(ctx)
        app = ctx.ensure_object(Session).app
        if app is not None:
            app.close()
        return result

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples and the line about the options of every command."""
        super().format_epilog(ctx, formatter)
        _write_examples(self.examples, formatter)
        formatter.write_paragraph()
        program = ctx.find_root().info_name
        formatter.write(
            f"Also: --root DIR, --as DOMAIN, --json-errors, --debug ({program} --help)\n"
        )


class Lazy(NamedTuple):
    """Where a command is, `module:attribute`, and its one-line help."""

    place: str
    short_help: str

    def load(self) -> click.Command:
        """Import the command."""
        module, _, attribute = self.place.partition(":")
        return cast(click.Command, getattr(import_module(module), attribute))


class Group(click.Group):
    """A group of commands that are imported only when they are called."""

    command_class = Command

    def __init__(
        self,
        *args: Any,
        lazy: dict[str, Lazy] | None = None,
        examples: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        """Declare a group; `lazy` maps the names of commands to their places."""
        super().__init__(*args, **kwargs)
        self.lazy = lazy or {}
        self.examples = examples
        self.params = [*self.params, *global_options(is_hidden=False)]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Settle the words up to the command's name, then let Click parse them."""
        return super().parse_args(ctx, _settled(self, ctx, args))

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order they are declared."""
        return [*self.lazy, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of this name, importing its module."""
        if cmd_name in self.lazy:
            return self.lazy[cmd_name].load()
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that `args` call.

        Raises:
            InvalidValueError: there is none of that name.
        """
        if args[0] not in self.list_commands(ctx) and not ctx.resilient_parsing:
            raise InvalidValueError(
                f"{ctx.command_path} has no command {shown(args[0])}",
                hint=_close_command(args[0], self.list_commands(ctx)),
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands with their one-line helps, importing none of the lazy ones."""
        rows = [(name, lazy.short_help) for name, lazy in self.lazy.items()]
        rows += [(name, command.get_short_help_str(72)) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        super().format_epilog(ctx, formatter)
        _write_examples(self.examples, formatter)


class Session:
    """What the options of every command said: the tree's root and who is acting."""

    def __init__(self) -> None:
        """Start with nothing said."""
        self.root = ""
        self.domain = ""
        #: The tree that the command opened last, None before it did.
        self.app: App | None = None


def current_app(domain: str = "") -> "App":
    """Return the tree that this command line speaks of, closed when the command ends.

    `domain` acts as this domain, whatever the command line says.
    """
    from payment_cli.app import open_app

    ctx = click.get_current_context()
    session = ctx.ensure_object(Session)
    app = session.app = open_app(session.root, domain or session.domain)
    ctx.call_on_close(partial(_close, app))
    return app


def _close(app: "App") -> None:
    """Close a tree after an error: that is what must be told."""
    with suppress(StorageError, CorruptRecordError):
        app.close()


def current_zone() -> "tzinfo":
    """Return the time zone that this command line's times are printed in: its caller's."""
    session = click.get_current_context().ensure_object(Session)
    return (session.app or current_app()).zone()


def global_options(*, is_hidden: bool) -> list[click.Parameter]:
    """Return the options that both programs and all their commands take.

    `--debug` and `--json-errors` are read by `cli/main.py` before anything is parsed; here they
    only become known words. Commands hide them and name them in one line of their help. `--help`
    is ours, because Click's has its text translated: 1 ms of every start to find no translation.
    """

    def remember(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
        if value is not None:
            setattr(ctx.ensure_object(Session), str(param.name), value)

    quiet: dict[str, Any] = {"expose_value": False, "hidden": is_hidden}
    return [
        Option(
            ["--root", "root"],
            metavar="DIR",
            callback=remember,
            help="The tree of files (else PAYMENT_ROOT, else ~/.local/share/payment).",
            **quiet,
        ),
        Option(
            ["--as", "domain"],
            metavar="DOMAIN",
            callback=remember,
            help="Act as this domain (else PAYMENT_DOMAIN, payment.toml, the login name).",
            **quiet,
        ),
        Option(
            ["--json-errors"], is_flag=True, help="Errors on stderr are one line of JSON.", **quiet
        ),
        Option(["--debug"], is_flag=True, help="Show where an error came from.", **quiet),
        Option(
            ["--help"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_show_help,
            help="Show this message and exit.",
        ),
    ]


def _show_help(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(ctx.get_help(), color=ctx.color)
        ctx.exit()


def _settled(command: click.Command, ctx: click.Context, args: list[str]) -> list[str]:
    if ctx.resilient_parsing:  # shell completion asks about lines that are not finished
        return args
    options = (p for p in command.get_params(ctx) if isinstance(p, click.Option))
    return canonical_words(args, map(_spelling, options), is_group=not ctx.allow_interspersed_args)


def _spelling(option: click.Option) -> Spelling:
    # Click wants the names that it is given with two dashes to hold a value after `=`.
    long_last = sorted(option.opts, key=lambda name: name.startswith("--"))
    return Spelling(
        names=tuple(name.lstrip("-") for name in long_last),
        is_flag=option.is_flag,
        bare=getattr(option, "bare", None),
        opens=getattr(option, "opens", ""),
    )


def _close_command(name: str, names: Sequence[str]) -> str:
    from difflib import get_close_matches  # only a wrong command line pays for it

    close = get_close_matches(name, names, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else f"one of {', '.join(names)}"


def _write_examples(examples: Sequence[str], formatter: click.HelpFormatter) -> None:
    if not examples:
        return
    with formatter.section("Examples"):
        for line in examples:
            formatter.write(f"{' ' * formatter.current_indent}{line}\n")
