import type { FastifyInstance } from 'fastify'
import type { Services } from '../services.ts'
import { browserRules } from './browser-rules.ts'
import { sendPage } from './layout.ts'
import { overviewPage } from './overview-page.ts'
import { readOverview } from './overview.ts'
import { HOME } from './return-path.ts'
import { requireSignIn, signInRoutes } from './sign-in.ts'
import { STYLE } from './style.ts'

/** Registers the administrator's pages: sign-in, sign-out and the overview. */
export function portalRoutes(app: FastifyInstance, services: Services): void {
  browserRules(app, services)
  signInRoutes(app, services)

  for (const path of ['/', `${HOME}/`]) app.get(path, async (_request, reply) => reply.redirect(HOME, 302))
  app.get('/portal/style.css', async (_request, reply) => reply.type('text/css; charset=utf-8').send(STYLE))
  app.get(HOME, async (request, reply) => {
    if (!requireSignIn(services, request, reply)) return reply
    return sendPage(reply, overviewPage(await readOverview(services.db), services.now()))
  })
}
