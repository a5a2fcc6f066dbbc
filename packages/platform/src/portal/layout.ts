import type { FastifyReply } from 'fastify'
import { html } from 'hono/html'

/** A piece of HTML whose data has been escaped. */
export type Html = ReturnType<typeof html>

export interface Page {
  readonly title: string
  readonly main: Html
  /** Shows the way out. */
  readonly signedIn?: boolean
}

/** Sends a page, every one with the same frame around it. */
export async function sendPage(reply: FastifyReply, page: Page): Promise<FastifyReply> {
  const document = await frame(page)
  return reply.type('text/html; charset=utf-8').send(document.toString())
}

function frame({ title, main, signedIn = false }: Page): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · tomte</title>
<link rel="stylesheet" href="/portal/style.css">
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="bar">
<a class="name" href="/portal"><span class="hat" aria-hidden="true"></span>tomte</a>
${signedIn ? SIGN_OUT : ''}
</header>
<main id="main">
${main}
</main>
</body>
</html>
`
}

const SIGN_OUT = html`<form method="post" action="/portal/sign-out">
<button class="quiet">Sign out</button>
</form>`

const DAY = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' })

/** A day in words, in UTC like every time of the platform. */
export const day = (atMs: number): Html =>
  html`<time datetime="${new Date(atMs).toISOString()}">${DAY.format(atMs)}</time>`
