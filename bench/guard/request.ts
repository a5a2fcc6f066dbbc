// What the guard adds to a whole request: CPU of the server's process, by a token that was seen.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { median, type Row, row } from '../row.ts'
import { type Keys, signed } from './tokens.ts'

const ROUNDS = 21
const REQUESTS = 4000
const CONNECTIONS = 16
// As an API has several daemons that call it, in turn.
const CALLERS = 64

export async function wholeRequest(keys: Keys): Promise<Row[]> {
  const server = fork(join(import.meta.dirname, 'request-server.ts'), {
    execArgv: ['--conditions=@tomte/source'],
    env: { ...process.env, BENCH_PUBLIC_PEM: keys.publicPem },
  })
  try {
    const [origin] = (await once(server, 'message')) as [string]
    const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
    const headers = Array.from({ length: CALLERS }, (_, number) => ({
      authorization: `Bearer ${signed(number, keys)}`,
    }))
    const cpu = async () => {
      server.send('cpu')
      const [{ user, system }] = (await once(server, 'message')) as [NodeJS.CpuUsage]
      return user + system
    }
    const spent = async (path: string) => {
      const before = await cpu()
      await many((number) => get(`${origin}${path}`, agent, headers[number % CALLERS] ?? {}))
      return ((await cpu()) - before) / REQUESTS
    }
    const costs = { open: [] as number[], guarded: [] as number[] }
    await spent('/open')
    await spent('/guarded')
    for (let round = 0; round < ROUNDS; round++) {
      for (const name of round % 2 === 0 ? (['open', 'guarded'] as const) : (['guarded', 'open'] as const))
        costs[name].push(await spent(`/${name}`))
    }
    const measured = { what: 'whole request through Fastify, seen tokens of 64 callers', unit: 'µs CPU' }
    const theirs = median(costs.open)
    return [
      row({
        ...measured,
        ours: median(costs.guarded),
        theirs,
        against: 'the route unguarded',
        goal: '<= 1.12',
      }),
    ]
  } finally {
    server.kill()
  }
}

async function many(work: (number: number) => Promise<void>): Promise<void> {
  let left = REQUESTS
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      while (left-- > 0) await work(left)
    }),
  )
}

function get(url: string, agent: Agent, headers: Record<string, string>): Promise<void> {
  return new Promise((resolve, reject) => {
    request(url, { agent, headers }, (response) => {
      if (response.statusCode !== 200)
        return reject(new Error(`Cannot measure: status ${response.statusCode}`))
      response.resume().on('end', resolve)
      return undefined
    })
      .on('error', reject)
      .end()
  })
}
