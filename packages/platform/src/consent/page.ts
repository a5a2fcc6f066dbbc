import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Services } from '../services.ts'
import { browserRules, formOf, PageRefusal, queryTextOf } from '../portal/browser-rules.ts'
import { sendPage } from '../portal/layout.ts'
import { requireSignIn } from '../portal/sign-in.ts'
import type { Database } from '../store/database.ts'
import { type Client, findClient } from '../token/client.ts'
import { requireTenant } from '../token/endpoint.ts'
import { type Form, readForm, required } from '../token/parse.ts'
import { grantConsent, readQuestion } from './grant.ts'
import { type ConsentRedirect, consentedUrl, isRegistered, refusedUrl } from './redirect.ts'
import { grantedPage, type Parties, questionPage, refusedPage } from './views.ts'

interface ConsentRoute {
  Params: { tenant: string }
}

/** Registers the administrator's consent page (wire.md §9). */
export function consentRoutes(app: FastifyInstance, services: Services): void {
  browserRules(app, services)
  const url = '/:tenant/adminconsent'

  app.get<ConsentRoute>(url, async (request, reply) => {
    const parties = await readParties(services, request)
    if (!requireSignIn(services, request, reply)) return reply
    const question = await readQuestion(services.db, asker(parties))
    if (parties.redirect) allowFormTo(reply, parties.redirect)
    return sendPage(reply, questionPage(parties, question))
  })

  app.post<ConsentRoute>(url, async (request, reply) => {
    const parties = await readParties(services, request)
    if (!requireSignIn(services, request, reply)) return reply
    const form = formOf(request)
    switch (form.get('decision')) {
      case 'grant':
        return grant(services, parties, form.get('seen') ?? '', reply)
      case 'refuse':
        return parties.redirect
          ? reply.redirect(refusedUrl(parties.redirect))
          : sendPage(reply, refusedPage(parties))
      default:
        throw new PageRefusal(400, 'The form must say whether you grant or refuse. Nothing was changed.')
    }
  })
}

/** A browser holds the redirect after a form to the same rule as the form itself (CSP 3, form-action). */
function allowFormTo(reply: FastifyReply, { uri }: ConsentRedirect): void {
  const policy = String(reply.getHeader('content-security-policy'))
  reply.header(
    'content-security-policy',
    policy.replace("form-action 'self'", `form-action 'self' ${new URL(uri).origin}`),
  )
}

type Asking = Parties & { readonly redirect: ConsentRedirect | undefined }

const asker = ({ tenant, client }: Parties) => ({ tenantId: tenant.id, appId: client.appId })

/** The steps that stand before any decision; each may refuse. */
async function readParties({ db }: Services, request: FastifyRequest<ConsentRoute>): Promise<Asking> {
  const tenant = await requireTenant(db, request.params.tenant)
  const query = readForm(queryTextOf(request))
  const client = await findClient(db, required(query, 'client_id'), tenant.id)
  return { tenant, client, redirect: await readRedirect(db, query, client) }
}

/** Where to go afterwards, if the request says so. A person is sent nowhere that the application has not registered. */
async function readRedirect(db: Database, query: Form, client: Client): Promise<ConsentRedirect | undefined> {
  const { redirect_uri: uri, state } = query
  if (uri === undefined) return undefined
  if (await isRegistered(db, client.id, uri)) return { uri, state }
  throw new PageRefusal(
    400,
    `AADSTS50011: The redirect URI '${uri.slice(0, 300)}' specified in the request does not match the ` +
      `redirect URIs configured for the application '${client.appId}'. Nothing was changed.`,
  )
}

async function grant(
  { db, now }: Services,
  parties: Asking,
  seen: string,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const outcome = await grantConsent(db, asker(parties), { seen, nowMs: now() })
  if (outcome.kind === 'granted') {
    return parties.redirect
      ? reply.redirect(consentedUrl(parties.redirect, parties.tenant.id))
      : sendPage(reply, grantedPage(parties, outcome.granted))
  }
  if (parties.redirect) allowFormTo(reply, parties.redirect)
  const question = await readQuestion(db, asker(parties))
  return sendPage(reply.code(409), questionPage(parties, question, { changed: true }))
}
