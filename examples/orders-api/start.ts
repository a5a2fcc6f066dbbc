// The web API: it tells its orders to applications with the role access_as_application, and to nobody else.
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createGuard, entra, permissionTable } from '@tomte/guard'
import { guarded } from '@tomte/guard/node'
import { apiSettings } from './config.ts'
import { orders } from './orders.ts'

const { tenantId, clientId, authorityHost, port, certificate, key } = apiSettings()

const guard = createGuard({
  audience: [clientId, `api://${clientId}`],
  issuers: entra({ tenants: [tenantId], authorityHost }),
})
const permissions = permissionTable({
  'GET /orders': ['access_as_application'],
  'GET /orders/:number': ['access_as_application'],
})
const say = (line: string) => process.stderr.write(`${line}\n`)

const server = createServer(
  { cert: certificate, key },
  guarded(
    { guard, permissions, onRefused: ({ message }) => say(message), onError: (error) => say(String(error)) },
    ({ url = '' }, response, principal) => {
      say(`application ${principal.appId}: ${url}`)
      const found = orders(url)
      response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' })
      response.end(JSON.stringify(found ?? { title: 'no such order' }))
    },
  ),
)
server.listen(port, 'localhost', () => {
  process.stdout.write(`https://localhost:${(server.address() as AddressInfo).port}\n`)
})
