"""The six screens, one a file, and how to write one.

**A screen** subclasses `tui.screens.base.WorkshopScreen` in the file of its name, sets `place`, `screen_title`,
`screen_help`, yields its panes from `body()`, and draws in `show(topics)`:

- `self.app.live` (`tui.dashboard.live.Live`) is the shared live picture: `jobs`, `voices`, `inbox`, `samples`, `info`,
`link`. Read it,
  never change it. `show(topics)` is called when it changed, at most four times a second, only while the screen is
  looked at, and with `Topic.ALL` when it comes up. Draw only what `topics` names; no timers of your own for what the
  daemon tells. (`Topic.VOICES`: a voice, version or dataset changed; ask again for what you show.)
- `self.app.client` (`proto.client_async.AsyncClient`) asks the daemon anything else: inside an action or a worker,
never in `show`.
- `self.app.readonly`: nothing may be changed. Decorate actions that change something with `@changes`, others that ask
with `@asks`
  (`tui.dashboard.actions`): both run the coroutine beside the screen and turn a ClientError into a toast (sentence +
  hint). `@changes` also hides the binding and refuses when read-only. For work that is no action:
  `self.app.trouble(problem)` shows a ClientError, `self.app.say("Saved.")` says something.
- `if await self.app.confirm("Cancel train #12?", "Its last checkpoint stays.", yes="Cancel it"):` asks before something
is lost
  (inside `@asks` and `@changes`).
- A lost daemon: the base class greys the screen and says so in the last line; leave the last picture. When it is back,
  `show(Topic.ALL)` comes. Streams of your own (WatchPoints, Synthesize) end with a ClientError: begin them again when
  `Topic.LINK` comes and `live.link.up`.
- `filtered(text)` is called when the person types after `/`.
- A screen that is left gets `on_screen_suspend`: end your streams there.

**A pane** subclasses `tui.widgets.pane.Pane`: `pane_title`, `pane_help`, BINDINGS and their actions, its own
DEFAULT_CSS. Widgets draw what they are given. `tui.widgets.table.Table` is the table to use (j k g G; `show_rows`
changes only cells that differ; `.chosen` is the key of the row under the cursor; `shrinks` says which columns give way
on a narrow terminal).

**A binding** is `Binding("p", "pause", "pause", id="queue.pause", tooltip="Finish the step, save, and wait")`: every
one has an id (`pane.verb`) and a description. With that alone it stands beside the pane's title (`show=False` keeps it
out), in `?`, in the palette, and can be remapped in dashboard.toml. Do not inherit bindings without ids from Textual's
widgets: `inherit_bindings=False`, and write them down.

**Text from outside** (file names, texts, messages) goes into `Content` or `Text`, or with `markup=False`, never into
markup, and through `tui.output.safe`. Words for durations, sizes and job states are in `tui.wording`. Colours only by
the theme's names: $success,
$warning, $error, $accent (what runs), $primary (the focus), $text-muted.
"""
