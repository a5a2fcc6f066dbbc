import type { FastifyInstance } from 'fastify'
import type { Services } from '../services.ts'
import { browserRules, PageRefusal } from './browser-rules.ts'
import { errorRoutes } from './error-page.ts'
import { sendPage } from './layout.ts'
import { logsPage } from './logs-page.ts'
import { readLogs } from './logs.ts'
import { overviewPage } from './overview-page.ts'
import { readOverview } from './overview.ts'
import { HOME } from './return-path.ts'
import { requireAccount, signInRoutes } from './sign-in.ts'
import { STYLE } from './style.ts'

const NOT_AN_ADMINISTRATOR =
  'You are signed in, but not as an administrator of your tenant, so there is nothing to show here. Ask an administrator.'

/** Registers the administrator's pages: sign-in, sign-out, the overview, and the look-up of errors. */
export function portalRoutes(app: FastifyInstance, services: Services): void {
  browserRules(app, services)
  signInRoutes(app, services)
  errorRoutes(app)

  for (const path of ['/', `${HOME}/`]) app.get(path, async (_request, reply) => reply.redirect(HOME, 302))
  app.get('/portal/style.css', async (_request, reply) => reply.type('text/css; charset=utf-8').send(STYLE))
  app.get(HOME, async (request, reply) => {
    const who = await requireAccount(services, request, reply)
    if (!who) return reply
    if (who.administers === 'nothing') throw new PageRefusal(403, NOT_AN_ADMINISTRATOR)
    const only = who.administers === 'every tenant' ? undefined : who.homeTenantId
    return sendPage(reply, overviewPage(await readOverview(services.db, only), services.now()))
  })
  app.get(`${HOME}/logs`, async (request, reply) => {
    const who = await requireAccount(services, request, reply)
    if (!who) return reply
    if (who.administers === 'nothing') throw new PageRefusal(403, NOT_AN_ADMINISTRATOR)
    const only = who.administers === 'every tenant' ? undefined : who.homeTenantId
    await services.signIns.flush()
    return sendPage(reply, logsPage(await readLogs(services.db, only), services.signIns.dropped))
  })
}
