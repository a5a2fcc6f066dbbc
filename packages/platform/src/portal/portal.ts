import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Services } from '../services.ts'
import { browserRules } from './browser-rules.ts'
import { administratorNeededPage, unknownPage } from './dead-ends.ts'
import { errorRoutes } from './error-page.ts'
import { sendPage } from './layout.ts'
import { logsPage } from './logs-page.ts'
import { readLogs } from './logs.ts'
import { overviewPage } from './overview-page.ts'
import { readOverview } from './overview.ts'
import { HOME } from './return-path.ts'
import { requireAccount, signedIn, signInRoutes } from './sign-in.ts'
import { STYLE } from './style.ts'

/** Registers the administrator's pages: sign-in, sign-out, the overview, the logs, and the look-up of errors. */
export function portalRoutes(app: FastifyInstance, services: Services): void {
  browserRules(app, services)
  signInRoutes(app, services)
  errorRoutes(app)

  for (const path of ['/', `${HOME}/`]) app.get(path, async (_request, reply) => reply.redirect(HOME, 302))
  app.get('/portal/style.css', async (_request, reply) => reply.type('text/css; charset=utf-8').send(STYLE))
  app.get(HOME, async (request, reply) => {
    const only = await requireAdministrator(services, request, reply)
    if (!only) return reply
    return sendPage(reply, overviewPage(await readOverview(services.db, only.tenantId), services.now()))
  })
  app.get(`${HOME}/logs`, async (request, reply) => {
    const only = await requireAdministrator(services, request, reply)
    if (!only) return reply
    await services.signIns.flush()
    return sendPage(reply, logsPage(await readLogs(services.db, only.tenantId), services.signIns.dropped))
  })
  app.all(`${HOME}/*`, async (request, reply) => {
    const who = await signedIn(services, request)
    return sendPage(reply.code(404), unknownPage({ signedIn: who !== undefined }))
  })
}

/** Lets administrators in, and says which tenant alone they may look at, if it is one; everybody else gets another page. */
async function requireAdministrator(
  services: Services,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<{ readonly tenantId: string | undefined } | undefined> {
  const who = await requireAccount(services, request, reply)
  switch (who?.administers) {
    case 'every tenant':
      return { tenantId: undefined }
    case 'home tenant':
      return { tenantId: who.homeTenantId }
    case 'nothing':
      await sendPage(reply.code(403), administratorNeededPage(who))
      return undefined
    case undefined:
      return undefined
  }
}
