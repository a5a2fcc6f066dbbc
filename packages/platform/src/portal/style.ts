/** The stylesheet of every page. It is a text here because a build carries over TypeScript files alone. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f6f4f1;
  --card: #ffffff;
  --ink: #22201e;
  --soft: #5d5751;
  --line: #ddd7cf;
  --accent: #a3271f;
  --on-accent: #ffffff;
  --tint: #faecea;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #191716;
    --card: #23201e;
    --ink: #f0ebe5;
    --soft: #b5aca2;
    --line: #3d3834;
    --accent: #f2958a;
    --on-accent: #2b0d0a;
    --tint: #3a2421;
  }
}
*, *::before, *::after { box-sizing: border-box; }
body {
  margin: 0;
  background: var(--ground);
  color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'DejaVu Sans', sans-serif;
}
code { font: 0.9em/1.5 ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace;
  overflow-wrap: anywhere; }
.notice .link { overflow-wrap: break-word; user-select: all; }
h1, h2, h3, h4, p, ul, dl { margin: 0 0 1rem; }
h1, h2, h3 { line-height: 1.25; overflow-wrap: anywhere; }
h1 { font-size: 1.75rem; font-weight: 650; letter-spacing: -0.01em; }
h2 { font-size: 1.25rem; font-weight: 650; }
h3 { font-size: 1.125rem; font-weight: 650; }
h4 { font-size: 0.9375rem; font-weight: 650; margin: 1.5rem 0 0.5rem; }
a { color: var(--accent); text-underline-offset: 0.2em; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; border-radius: 4px; }

.bar {
  display: flex;
  align-items: center;
  justify-content: space-between;
  gap: 1rem;
  min-height: 4rem;
  padding: 0.5rem max(1.25rem, calc((100% - 43.5rem) / 2));
  border-bottom: 1px solid var(--line);
  background: var(--card);
}
.name { display: inline-flex; align-items: baseline; gap: 0.5rem; color: var(--ink); font-weight: 700;
  font-size: 1.125rem; text-decoration: none; }
.hat { border: 0.45rem solid transparent; border-top: 0; border-bottom: 0.95rem solid var(--accent); }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; top: 1rem; padding: 0.5rem 1rem; background: var(--card); }
main { max-width: 46rem; margin: 0 auto; padding: 2.5rem 1.25rem 5rem; }
section { margin-top: 2.5rem; }

.card {
  margin: 1.25rem 0;
  padding: 1.75rem;
  background: var(--card);
  border: 1px solid var(--line);
  border-radius: 12px;
}
.card > :last-child, .card form > :last-child { margin-bottom: 0; }
.card h2 { margin-top: 2rem; font-size: 1.0625rem; }
.narrow { max-width: 26rem; margin: 2rem auto; }
.hint, .small { color: var(--soft); font-size: 0.9375rem; }
.notice { padding: 0.75rem 1rem; background: var(--tint); border-left: 3px solid var(--accent);
  border-radius: 4px;
  overflow-wrap: anywhere; }
.good { background: none; border-left-color: var(--line); }
.warning { color: var(--accent); font-weight: 650; }

.facts > div { display: grid; grid-template-columns: 8rem 1fr; gap: 0 1rem; padding: 0.375rem 0; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; grid-column: 2; overflow-wrap: anywhere; }
.facts dd + dd { margin-top: 0.25rem; }
.small dd { margin: 0 0 0.5rem; }

.permissions { padding: 0; list-style: none; }
.permissions li { padding: 0.75rem 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
.permissions li:last-child { padding-bottom: 0.25rem; }
.card > .permissions:first-child > li:first-child { padding-top: 0; border-top: 0; }
.permissions li > span { display: block; }
.permissions .state { padding-left: 1.5em; text-indent: -1.5em; font-size: 0.9375rem; }
.state::before { display: inline-block; width: 1.5em; text-indent: 0; }
.done { color: var(--soft); }
.done::before { content: '\\2713' / ''; }
.open { color: var(--accent); font-weight: 650; }
.open::before { content: '\\25cb' / ''; }

label { display: block; margin-bottom: 0.375rem; font-weight: 650; }
input { width: 100%; min-height: 2.75rem; padding: 0.5rem 0.75rem; border: 1px solid var(--soft);
  border-radius: 8px;
  background: var(--card); color: inherit; font: inherit; }
input + .hint { margin-top: 0.75rem; }
button, .button {
  display: inline-block;
  min-height: 2.75rem;
  padding: 0.5625rem 1.25rem;
  border: 1px solid var(--accent);
  border-radius: 8px;
  background: transparent;
  color: var(--accent);
  font: inherit;
  font-weight: 650;
  text-decoration: none;
  cursor: pointer;
}
button:hover, .button:hover { background: var(--tint); }
.primary { background: var(--accent); color: var(--on-accent); }
.primary:hover { background: var(--accent); text-decoration: underline; }
.quiet { border-color: var(--line); color: var(--ink); font-weight: 400; }
.answers { display: flex; flex-wrap: wrap; gap: 0.75rem; margin-top: 1.5rem; }
.lookup button { margin: 0.75rem 0 1.5rem; }
.errors { padding: 0; list-style: none; }
.errors li { padding: 0.75rem 0; border-top: 1px solid var(--line); }
.errors span { display: block; overflow-wrap: anywhere; }
.failed { overflow-wrap: anywhere; }
.failed a { font-weight: 650; }
.narrow button { width: 100%; margin-top: 0.5rem; }

@media (max-width: 30rem) {
  main { padding-top: 1.5rem; }
  .card { padding: 1rem; }
  .facts > div { grid-template-columns: 1fr; }
  .facts dd { grid-column: 1; }
  .answers button { flex: 1 1 100%; }
}
`
