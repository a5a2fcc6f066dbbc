import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Services } from '../services.ts'
import { browserRules, formOf, PageRefusal } from '../portal/browser-rules.ts'
import { sendPage } from '../portal/layout.ts'
import { requireAccount, type SignedIn } from '../portal/sign-in.ts'
import { requestIds } from '../token/request-ids.ts'
import { type Decision, grantConsent, grantedScopes, readQuestion, refuseConsent } from './grant.ts'
import {
  type ConsentRequest,
  type ConsentVersion,
  isForAnyTenant,
  mayDecide,
  type Parties,
  readParties,
} from './parties.ts'
import { type ConsentRedirect, consentedUrl, refusedUrl } from './redirect.ts'
import { askAdministratorPage, grantedPage, questionPage, refusedPage } from './views.ts'

const PATHS: Readonly<Record<string, ConsentVersion>> = {
  '/:tenant/adminconsent': 1,
  '/:tenant/v2.0/adminconsent': 2,
}

/** Registers the administrator's consent pages (wire.md §9). */
export function consentRoutes(app: FastifyInstance, services: Services): void {
  browserRules(app, services)
  for (const [url, version] of Object.entries(PATHS)) {
    app.get(url, async (request, reply) => {
      const decided = await decidable(services, request as ConsentRequest, version, reply)
      if (!decided) return reply
      const { parties } = decided
      const question = await readQuestion(services.db, asker(parties))
      if (parties.redirect) allowFormTo(reply, parties.redirect)
      return sendPage(reply, questionPage(parties, question))
    })
    app.post(url, async (request, reply) => {
      const decided = await decidable(services, request as ConsentRequest, version, reply)
      return decided ? decide(services, decided, request as ConsentRequest, reply) : reply
    })
  }
}

/** Who may decide, and between whom. */
interface Decided {
  readonly parties: Parties
  readonly who: SignedIn
}

/** What is to be decided by whoever has signed in; without a result the answer has been given. */
async function decidable(
  services: Services,
  request: ConsentRequest,
  version: ConsentVersion,
  reply: FastifyReply,
): Promise<Decided | undefined> {
  // A link that is wrong is told so to everybody, but for the tenant that only signing in tells.
  const before = isForAnyTenant(request) ? undefined : await readParties(services, request, version)
  const who = await requireAccount(services, request, reply)
  if (!who) return undefined
  const parties = before ?? (await readParties(services, request, version, who))
  if (mayDecide(who, parties)) return { parties, who }
  const link = `${services.origin()}${request.url}`
  await sendPage(reply.code(403), askAdministratorPage(parties, who, link))
  return undefined
}

async function decide(
  services: Services,
  { parties, who }: Decided,
  request: ConsentRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const form = formOf(request)
  const by = {
    kind: 'administrator',
    userId: who.userId,
    displayName: who.name,
    ipAddress: request.ip,
  } as const
  const ids = requestIds(request)
  const decision = { by, correlationId: ids.correlationId, nowMs: services.now() }
  switch (form.get('decision')) {
    case 'grant':
      return grant(services, parties, { ...decision, seen: form.get('seen') ?? '' }, reply)
    case 'refuse':
      await refuseConsent(services.db, asker(parties), decision)
      return parties.redirect
        ? reply.redirect(refusedUrl(parties.redirect, { ...ids, nowMs: decision.nowMs }))
        : sendPage(reply, refusedPage(parties))
    default:
      throw new PageRefusal(400, 'The form must say whether you grant or refuse. Nothing was changed.')
  }
}

/** A browser holds the redirect after a form to the same rule as the form itself (CSP 3, form-action). */
function allowFormTo(reply: FastifyReply, { uri }: ConsentRedirect): void {
  const policy = String(reply.getHeader('content-security-policy'))
  reply.header(
    'content-security-policy',
    policy.replace("form-action 'self'", `form-action 'self' ${new URL(uri).origin}`),
  )
}

const asker = ({ tenant, client }: Parties) => ({ tenantId: tenant.id, appId: client.appId })

async function grant(
  { db }: Services,
  parties: Parties,
  decision: Decision & { readonly seen: string },
  reply: FastifyReply,
): Promise<FastifyReply> {
  const outcome = await grantConsent(db, asker(parties), decision)
  if (outcome.kind === 'granted') {
    if (!parties.redirect) return sendPage(reply, grantedPage(parties, outcome.granted))
    const scopes = await grantedScopes(db, asker(parties))
    return reply.redirect(consentedUrl(parties.redirect, { tenantId: parties.tenant.id, scopes }))
  }
  if (parties.redirect) allowFormTo(reply, parties.redirect)
  const question = await readQuestion(db, asker(parties))
  return sendPage(reply.code(409), questionPage(parties, question, { changed: true }))
}
