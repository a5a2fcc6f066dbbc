import type { FastifyInstance } from 'fastify'
import { html } from 'hono/html'
import { failureReason } from '../audit/sign-in-list.ts'
import { type Evidence, isRefusalNumber, type RefusalNumber, REFUSALS } from '../token/refusals.ts'
import { queryTextOf } from './browser-rules.ts'
import { type Html, type Page, sendPage } from './layout.ts'

const PATH = '/error'

/** How much is known of Entra's answer, in words for people. */
export const EVIDENCE: Readonly<Record<Evidence, string>> = {
  observed: 'as Entra ID has been seen to answer',
  documented: 'as Entra ID’s documentation has it',
  assumed: 'Entra ID’s own answer is not known for certain',
}

/** Registers the page that explains a refusal of the token endpoint by its number, `/error?code={number}`; nobody has to sign in. */
export function errorRoutes(app: FastifyInstance): void {
  app.get(PATH, async (request, reply) => {
    const asked = new URLSearchParams(queryTextOf(request)).get('code') ?? ''
    const number = readNumber(asked)
    if (number !== undefined) return sendPage(reply, refusalPage(number))
    return sendPage(reply.code(asked === '' ? 200 : 404), listPage(asked))
  })
}

/** The number as SDKs print it, with `AADSTS` before it or without. */
function readNumber(asked: string): RefusalNumber | undefined {
  const digits = /^\s*(?:AADSTS)?(\d{1,10})\s*$/i.exec(asked)?.[1]
  const number = Number(digits)
  return digits !== undefined && isRefusalNumber(number) ? number : undefined
}

function refusalPage(number: RefusalNumber): Page {
  const { status, error, known, text, remedy } = REFUSALS[number]
  return {
    title: `AADSTS${number}`,
    main: html`<h1>AADSTS${number}</h1>
<p class="notice">${text}</p>
<h2>What to do</h2>
<p>${remedy}</p>
<dl class="facts">
<div><dt>error</dt><dd><code>${error}</code></dd></div>
<div><dt>Status</dt><dd>${status}</dd></div>
<div><dt>Number, status and error</dt><dd>${EVIDENCE[known]}</dd></div>
</dl>
<p><a href="${PATH}">All errors</a></p>`,
  }
}

const CODE_LENGTH_MAX = 60

function listPage(asked: string): Page {
  const notice =
    asked === ''
      ? ''
      : html`<p class="notice">No error of this platform has the number ‘${asked.slice(0, CODE_LENGTH_MAX).toWellFormed()}’.</p>`
  return {
    title: 'Errors',
    main: html`<h1>Errors</h1>
${notice}
<form method="get" action="${PATH}" class="lookup">
<label for="code">Number</label>
<input id="code" name="code" inputmode="numeric" autocomplete="off" maxlength="${CODE_LENGTH_MAX}" required>
<button>Look up</button>
</form>
<ul class="errors">
${Object.keys(REFUSALS).map((number) => listLine(Number(number) as RefusalNumber))}
</ul>`,
  }
}

const listLine = (number: RefusalNumber): Html =>
  html`<li><a href="${PATH}?code=${number}">AADSTS${number}</a> <code>${REFUSALS[number].error}</code>
<span class="small">${failureReason(number)}</span></li>
`
