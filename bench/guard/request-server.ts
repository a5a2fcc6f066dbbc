// One Fastify with the same route twice, guarded and not; says what its CPU did when it is asked.
import { guarded } from '@tomte/guard/fastify'
import fastify from 'fastify'
import { guardOf, ROLE } from './tokens.ts'

const guard = guardOf({ publicPem: process.env['BENCH_PUBLIC_PEM'] ?? '' })
const app = fastify()
const route = async () => ({ orders: [] })
app.get('/open', route)
await app.register(async (scope) => {
  guarded(scope, { guard })
  scope.get('/guarded', { config: { roles: [ROLE] } }, route)
})
process.on('message', () => process.send?.(process.cpuUsage()))
process.send?.(await app.listen({ port: 0, host: '127.0.0.1' }))
