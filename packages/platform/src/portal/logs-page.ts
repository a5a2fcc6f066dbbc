import { html } from 'hono/html'
import type { ModifiedProperty } from '../audit/changes.ts'
import type { Html, Page } from './layout.ts'
import type { LoggedChange, LoggedSignIn, Logs } from './logs.ts'

/** The page of both logs; `dropped` sign-ins could not be written since the platform was started. */
export function logsPage({ signIns, changes }: Logs, dropped: number): Page {
  return {
    title: 'Logs',
    signedIn: true,
    main: html`<h1>Logs</h1>
<p><a href="/portal">Back to the overview</a></p>
${dropped > 0 ? html`<p class="notice">${dropped} sign-ins are missing: they could not be written.</p>` : ''}
<section aria-labelledby="sign-ins">
<h2 id="sign-ins">Sign-ins</h2>
<p class="hint">The newest ${signIns.length} token requests; they are kept for 30 days.</p>
${signIns.length === 0 ? '' : html`<div class="card"><ul class="permissions">${signIns.map(signInLine)}</ul></div>`}
</section>
<section aria-labelledby="changes">
<h2 id="changes">Changes</h2>
<p class="hint">The newest ${changes.length} administrative changes.</p>
${changes.length === 0 ? '' : html`<div class="card"><ul class="permissions">${changes.map(changeLine)}</ul></div>`}
</section>`,
  }
}

const TIME = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium', timeZone: 'UTC' })

const instant = (atMs: number): Html =>
  html`<time datetime="${new Date(atMs).toISOString()}">${TIME.format(atMs)} UTC</time>`

function signInLine(signIn: LoggedSignIn): Html {
  const { application, resource, atMs, credential, ipAddress, errorCode, reason } = signIn
  return html`<li>
<span><strong>${application}</strong>${resource === undefined ? '' : html` for ${resource}`}</span>
${
  errorCode === 0
    ? html`<span class="state done">token issued</span>`
    : html`<span class="failed"><a href="/error?code=${errorCode}">AADSTS${errorCode}</a>: ${reason}</span>`
}
<span class="small">${instant(atMs)}, ${credential}${ipAddress === '' ? '' : html`, from ${ipAddress}`}</span>
<span class="small">Trace ID <code>${signIn.id}</code></span>
<span class="small">Correlation ID <code>${signIn.correlationId}</code></span>
</li>`
}

function valuesOf(modified: readonly ModifiedProperty[]): Html {
  const lines = modified.map(
    ({ displayName, oldValue, newValue }) =>
      html`<dt>${displayName}</dt><dd><code>${oldValue ?? '–'}</code> → <code>${newValue ?? '–'}</code></dd>`,
  )
  return html`<details class="small"><summary>${modified.length === 1 ? '1 property' : `${modified.length} properties`}</summary>
<dl>${lines}</dl></details>`
}

function changeLine({ activity, target, by, atMs, modified }: LoggedChange): Html {
  return html`<li>
<span><strong>${activity}</strong>${target === '' ? '' : html`: ${target}`}</span>
<span class="small">${instant(atMs)}${by === '' ? '' : html`, by ${by}`}</span>
${modified.length === 0 ? '' : valuesOf(modified)}
</li>`
}
