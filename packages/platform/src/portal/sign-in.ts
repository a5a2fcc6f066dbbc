import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { html } from 'hono/html'
import type { Services } from '../services.ts'
import { Attempts } from './attempts.ts'
import { formOf, queryTextOf } from './browser-rules.ts'
import { type Page, sendPage } from './layout.ts'
import { verifyPassword } from './password.ts'
import { HOME, returnPath } from './return-path.ts'
import { clearSessionCookie, sessionId, setSessionCookie } from './sessions.ts'

const SIGN_IN = '/portal/sign-in'

/** Registers sign-in and sign-out. There is one administrator, so a password is all that is asked for. */
export function signInRoutes(app: FastifyInstance, services: Services): void {
  const { sessions } = services
  const attempts = new Attempts(services.now)

  app.get(SIGN_IN, async (request, reply) => {
    const asked = new URLSearchParams(queryTextOf(request)).get('return')
    const returnTo = returnPath(asked, services.origin())
    if (sessions.isOpen(sessionId(request))) return reply.redirect(returnTo, 302)
    return sendPage(reply, signInPage(returnTo))
  })

  app.post(SIGN_IN, async (request, reply) => {
    const form = formOf(request)
    const returnTo = returnPath(form.get('return'), services.origin())
    const attempt = attempts.begin()
    if (!attempt.allowed) {
      reply.code(429).header('retry-after', String(attempt.waitSeconds))
      return sendPage(reply, signInPage(returnTo, tooMany(attempt.waitSeconds)))
    }
    if (!(await isAdministrator(services, form.get('password') ?? ''))) {
      return sendPage(reply.code(401), signInPage(returnTo, 'That is not the administrator’s password.'))
    }
    attempt.succeeded()
    // A new id each time: an id that somebody planted in this browser before never becomes a session.
    sessions.close(sessionId(request))
    setSessionCookie(reply, sessions.open())
    return reply.redirect(returnTo, 303)
  })

  app.post('/portal/sign-out', async (request, reply) => {
    sessions.close(sessionId(request))
    clearSessionCookie(reply)
    return reply.redirect(SIGN_IN, 303)
  })
}

/** Sends whoever is not signed in to do so first and to come back; returns whether somebody is. */
export function requireSignIn(services: Services, request: FastifyRequest, reply: FastifyReply): boolean {
  if (services.sessions.isOpen(sessionId(request))) return true
  reply.redirect(`${SIGN_IN}?return=${encodeURIComponent(request.url)}`, 303)
  return false
}

const tooMany = (seconds: number) =>
  `Too many wrong passwords. Wait ${seconds} ${seconds === 1 ? 'second' : 'seconds'} and try again.`

async function isAdministrator({ db }: Services, password: string): Promise<boolean> {
  const { value } = await db
    .selectFrom('setting')
    .select('value')
    .where('name', '=', 'administrator_password')
    .executeTakeFirstOrThrow()
  return verifyPassword(password.trim(), value)
}

function signInPage(returnTo: string, refusal?: string): Page {
  const described = refusal === undefined ? 'where' : 'refusal where'
  return {
    title: refusal === undefined ? 'Sign in' : 'Not signed in',
    main: html`<div class="card narrow">
<h1>Sign in</h1>
<form method="post" action="${SIGN_IN}">
${refusal === undefined ? '' : html`<p class="notice" id="refusal" role="alert">${refusal}</p>`}
${returnTo === HOME ? '' : html`<input type="hidden" name="return" value="${returnTo}">`}
<label for="password">Administrator’s password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required autofocus
 aria-describedby="${described}">
<p class="hint" id="where">It is in the file <code>keys/administrator-password</code> of the platform’s data
folder.</p>
<button class="primary">Sign in</button>
</form>
</div>`,
  }
}
