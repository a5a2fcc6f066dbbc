import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Services } from '../services.ts'
import { browserRules, formOf, PageRefusal, queryTextOf } from '../portal/browser-rules.ts'
import { sendPage } from '../portal/layout.ts'
import { requireSignIn } from '../portal/sign-in.ts'
import { findClient } from '../token/client.ts'
import { requireTenant } from '../token/endpoint.ts'
import { type Form, readForm, required } from '../token/parse.ts'
import { grantConsent, readQuestion } from './grant.ts'
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
        return sendPage(reply, refusedPage(parties))
      default:
        throw new PageRefusal(400, 'The form must say whether you grant or refuse. Nothing was changed.')
    }
  })
}

const asker = ({ tenant, client }: Parties) => ({ tenantId: tenant.id, appId: client.appId })

/** The steps that stand before any decision; each may refuse. */
async function readParties({ db }: Services, request: FastifyRequest<ConsentRoute>): Promise<Parties> {
  const tenant = await requireTenant(db, request.params.tenant)
  const query = readForm(queryTextOf(request))
  const client = await findClient(db, required(query, 'client_id'), tenant.id)
  refuseRedirect(query, client.appId)
  return { tenant, client }
}

/**
 * Registrations have no redirect URIs, so none can match, and a person is sent nowhere that nobody
 * registered.
 */
function refuseRedirect({ redirect_uri: uri }: Form, appId: string): void {
  if (uri === undefined) return
  throw new PageRefusal(
    400,
    `AADSTS50011: The redirect URI '${uri.slice(0, 300)}' specified in the request does not match the ` +
      `redirect URIs configured for the application '${appId}'. Nothing was changed.`,
  )
}

async function grant(
  { db, now }: Services,
  parties: Parties,
  seen: string,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const outcome = await grantConsent(db, asker(parties), { seen, nowMs: now() })
  if (outcome.kind === 'granted') return sendPage(reply, grantedPage(parties, outcome.granted))
  const question = await readQuestion(db, asker(parties))
  return sendPage(reply.code(409), questionPage(parties, question, { changed: true }))
}
