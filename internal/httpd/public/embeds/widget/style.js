// How it looks. The sheet is an object, which no content security policy minds. Names that begin with --lull- are the site's to set.
const sheet = new CSSStyleSheet()
sheet.replaceSync(`
:host { all: initial; --accent: var(--lull-accent, #2459b3); --on-accent: var(--lull-on-accent, #fff); --paper: #fff; --ink: #1b1f27; --soft: #5a6270; --line: #d5d9e0; --slow: #935600; --bad: #b3261e; --good: #1b6b3a; --link: #2459b3; color-scheme: light }
:host([data-theme=dark]) { --paper: #1a1d23; --ink: #eceef2; --soft: #a9b1bf; --line: #3b414c; --link: #9dbcff; color-scheme: dark }
@media (prefers-color-scheme: dark) { :host(:not([data-theme=light])) { --paper: #1a1d23; --ink: #eceef2; --soft: #a9b1bf; --line: #3b414c; --link: #9dbcff; color-scheme: dark } }
* { box-sizing: border-box; font: 15px/1.45 var(--lull-font, system-ui, sans-serif) }
[hidden] { display: none !important }
.said { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap }
:focus-visible { outline: 2px solid; outline-offset: 2px }
button { cursor: pointer; background: none; border: 0; color: inherit }
.x { flex: none; min-inline-size: 44px; min-block-size: 44px; font-size: 1.5em; padding: 0 }
.bar { position: fixed; inset: auto 0 0; z-index: 2147483646; display: flex; align-items: flex-start; gap: 0 .5em; padding-inline: 1em .25em; background: var(--accent); color: var(--on-accent); max-block-size: 50vh; overflow: auto }
.bar.slow { background: var(--slow); color: #fff }
.bar.bad { background: var(--bad); color: #fff }
.bar.good { background: var(--good); color: #fff }
.what { flex: 1; min-inline-size: 0; padding-block: .7em; display: flex; flex-wrap: wrap; align-items: center; gap: .1em 1em }
.what > a, .what > .word { flex: 0 1 auto; color: inherit; overflow-wrap: anywhere; font-weight: 600 }
.what summary { cursor: pointer; color: inherit }
.what details { flex: 1 0 100% }
.what pre { white-space: pre-wrap; margin: .4em 0; max-inline-size: 60em; overflow-wrap: anywhere }
progress { inline-size: 9em; block-size: .6em; accent-color: currentColor }
.launch { position: fixed; inset: auto 1em 1em auto; inset-inline: auto 1em; z-index: 2147483645; min-inline-size: 48px; min-block-size: 48px; padding: 0 1em; border-radius: 24px; background: var(--accent); color: var(--on-accent); box-shadow: 0 2px 8px #0005 }
.launch.up { inset-block-end: 5em }
.badge { display: inline-block; min-inline-size: 1.6em; margin-inline-start: .4em; padding: 0 .4em; border-radius: 1em; background: var(--bad); color: #fff; text-align: center; font-size: .85em }
dialog { position: fixed; inset-block: 0; inset-inline: auto 0; margin: 0; inline-size: min(27em, 100vw); max-inline-size: none; block-size: 100%; max-block-size: none; padding: 0; border: 0; background: var(--paper); color: var(--ink); box-shadow: 0 0 24px #0006; overflow: auto; overscroll-behavior: contain }
dialog::backdrop { background: #0006 }
header { position: sticky; inset-block-start: 0; display: flex; align-items: center; padding-inline: 1.1em .3em; background: var(--paper); border-block-end: 1px solid var(--line); z-index: 1 }
h2 { flex: 1; margin: 0; font-size: 1.15em; font-weight: 600 }
.kinds { display: flex; flex-wrap: wrap; gap: .4em; padding: .8em 1.1em 0 }
.kinds button, .feel button, .feel span { min-block-size: 32px; padding: .1em .7em; border: 1px solid var(--line); border-radius: 1em; color: var(--ink) }
[aria-pressed=true] { background: var(--ink); color: var(--paper) !important }
article { padding: 1em 1.1em; border-block-end: 1px solid var(--line); overflow-wrap: anywhere }
h3 { margin: 0; font-size: 1.05em; font-weight: 600 }
h4, h5, h6 { margin: .8em 0 0; font-weight: 600 }
.about { color: var(--soft); font-size: .87em; display: flex; flex-wrap: wrap; gap: 0 .8em }
.about b { color: var(--bad); font-size: 1em; font-weight: 600 }
:host([data-theme=dark]) .about b { color: #ffb4ab }
@media (prefers-color-scheme: dark) { :host(:not([data-theme=light])) .about b { color: #ffb4ab } }
dialog a { color: var(--link) }
article img { max-inline-size: 100%; block-size: auto }
article strong { font-weight: 600 }
article em { font-style: italic }
article p, article ul, article ol { margin: .5em 0 }
article pre { overflow: auto }
article code { font-family: ui-monospace, monospace; font-size: .92em }
article table { border-collapse: collapse }
article td, article th { border: 1px solid var(--line); padding: .2em .5em }
.feel { display: flex; gap: .4em; margin-block-start: .7em }
.foot { padding: 1em 1.1em }
@media (prefers-reduced-motion: no-preference) {
dialog[open] { animation: come .18s ease-out }
@keyframes come { from { opacity: 0 } }
}
@media print { :host { display: none } }`)
