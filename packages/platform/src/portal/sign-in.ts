import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { html } from 'hono/html'
import { fold } from '../directory/properties.ts'
import { readOperatorApplication } from '../registration/operator-application.ts'
import type { Services } from '../services.ts'
import { findAccount, openAccount } from './accounts.ts'
import { ADMINISTRATOR, Attempts } from './attempts.ts'
import { formOf, queryTextOf } from './browser-rules.ts'
import { type Page, sendPage } from './layout.ts'
import { verifyPassword } from './password.ts'
import { HOME, returnPath } from './return-path.ts'
import { clearSessionCookie, sessionId, type SessionOwner, setSessionCookie } from './sessions.ts'

const SIGN_IN = '/portal/sign-in'
const NAME_LENGTH_MAX = 320

/** Registers sign-in and sign-out: for the platform's own administrator, who has no name, and for the accounts of tenants. */
export function signInRoutes(app: FastifyInstance, services: Services): void {
  const { sessions } = services
  const attempts = new Attempts(services.db, services.now)

  app.get(SIGN_IN, async (request, reply) => {
    const asked = new URLSearchParams(queryTextOf(request)).get('return')
    const returnTo = returnPath(asked, services.origin())
    if (await signedIn(services, request)) return reply.redirect(returnTo, 302)
    return sendPage(reply, signInPage(returnTo))
  })

  app.post(SIGN_IN, async (request, reply) => {
    const form = formOf(request)
    const returnTo = returnPath(form.get('return'), services.origin())
    const userName = (form.get('username') ?? '').trim().slice(0, NAME_LENGTH_MAX)
    const attempt = await attempts.begin(userName === '' ? ADMINISTRATOR : fold(userName))
    if (!attempt.allowed) {
      reply.code(429).header('retry-after', String(attempt.waitSeconds))
      return sendPage(reply, signInPage(returnTo, { userName, refusal: tooMany(attempt.waitSeconds) }))
    }
    const owner = await sessionOwner(services, userName, form.get('password') ?? '')
    if (!owner) {
      const refusal = userName === '' ? WRONG_PASSWORD : WRONG_ACCOUNT
      return sendPage(reply.code(401), signInPage(returnTo, { userName, refusal }))
    }
    await attempt.succeeded()
    // A new id each time: an id that somebody planted in this browser before never becomes a session.
    await sessions.close(sessionId(request))
    setSessionCookie(reply, await sessions.open(owner))
    return reply.redirect(returnTo, 303)
  })

  app.post('/portal/sign-out', async (request, reply) => {
    await sessions.close(sessionId(request))
    clearSessionCookie(reply)
    const returnTo = returnPath(formOf(request).get('return'), services.origin())
    return reply.redirect(returnTo === HOME ? SIGN_IN : signInPath(returnTo), 303)
  })
}

const WRONG_PASSWORD = 'That is not the administrator’s password.'
const WRONG_ACCOUNT = 'That is not the name and the password of an account of this portal.'

const signInPath = (returnTo: string) => `${SIGN_IN}?return=${encodeURIComponent(returnTo)}`

/** Who has signed in to the portal, and for which tenants they may decide. */
export interface SignedIn {
  /** A user principal name, or what the platform's own administrator is called. */
  readonly name: string
  /** `null` for the platform's own administrator, who is no user of a tenant. */
  readonly userId: string | null
  /** The tenant they belong to: `common` in a consent link means this one. */
  readonly homeTenantId: string
  readonly administers: 'every tenant' | 'home tenant' | 'nothing'
}

/** Whether somebody may decide for a tenant. */
export const isAdministratorOf = ({ administers, homeTenantId }: SignedIn, tenantId: string): boolean =>
  administers === 'every tenant' || (administers === 'home tenant' && homeTenantId === tenantId)

/** Reads who has signed in. An account that was deleted or disabled since has not, whatever its session says. */
export async function signedIn(
  { sessions, db }: Services,
  request: FastifyRequest,
): Promise<SignedIn | undefined> {
  const owner = await sessions.ownerOf(sessionId(request))
  if (owner === undefined) return undefined
  if (owner === 'platform') {
    const { tenantId } = await readOperatorApplication(db)
    return {
      name: 'the platform’s administrator',
      userId: null,
      homeTenantId: tenantId,
      administers: 'every tenant',
    }
  }
  const account = await findAccount(db, owner.userId)
  return (
    account && {
      name: account.userName,
      userId: account.userId,
      homeTenantId: account.tenantId,
      administers: account.isAdministrator ? 'home tenant' : 'nothing',
    }
  )
}

/** Sends whoever is not signed in to do so first and to come back; returns who is, if anybody. */
export async function requireAccount(
  services: Services,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<SignedIn | undefined> {
  const who = await signedIn(services, request)
  if (!who) reply.redirect(signInPath(request.url), 303)
  return who
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

async function sessionOwner(
  services: Services,
  userName: string,
  password: string,
): Promise<SessionOwner | undefined> {
  if (userName === '') return (await isAdministrator(services, password)) ? 'platform' : undefined
  return openAccount(services.db, userName, password.trim())
}

interface Refused {
  readonly userName: string
  readonly refusal: string
}

function signInPage(returnTo: string, refused?: Refused): Page {
  const described = refused === undefined ? 'where' : 'refusal where'
  return {
    title: refused === undefined ? 'Sign in' : 'Not signed in',
    main: html`<div class="card narrow">
<h1>Sign in</h1>
<form method="post" action="${SIGN_IN}">
${refused === undefined ? '' : html`<p class="notice" id="refusal" role="alert">${refused.refusal}</p>`}
${returnTo === HOME ? '' : html`<input type="hidden" name="return" value="${returnTo}">`}
<label for="username">User name</label>
<input id="username" name="username" type="text" autocomplete="username" autocapitalize="none" spellcheck="false"
 value="${refused?.userName ?? ''}" aria-describedby="whose">
<p class="hint" id="whose">As name@domain. Left empty, it is the administrator of this platform.</p>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required autofocus
 aria-describedby="${described}">
<p class="hint" id="where">The administrator’s is in the file <code>keys/administrator-password</code> of the
platform’s data folder.</p>
<button class="primary">Sign in</button>
</form>
</div>`,
  }
}
