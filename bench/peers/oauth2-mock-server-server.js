// oauth2-mock-server as its page shows it; its tokens get the claims that the bench looks for. It believes everyone. Lives
// until its standard input ends.
import { randomUUID } from 'node:crypto'
import { OAuth2Server } from 'oauth2-mock-server'

const { BENCH_CA: ca, BENCH_KEY_FILE: key, BENCH_CA_FILE: cert } = process.env
const server = new OAuth2Server(key, cert)
await server.issuer.keys.generate('RS256')
server.service.on('beforeTokenSigning', ({ payload }) => {
  Object.assign(payload, { uti: randomUUID(), roles: ['Orders.Read.All'] })
})
await server.start(0, 'localhost')
process.stdout.write(`${JSON.stringify({ port: server.address().port, ca })}\n`)
process.stdin.resume().on('end', () => process.exit())
