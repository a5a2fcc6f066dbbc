// The provisioning daemon as a service, on a clock that runs fast, which a drill can kill: takes data folder, people file, secret
// file, and the pace of its clock. Tenant, client and addresses come from the environment, its log goes to standard output.
import { graph } from '@tomte/client'
import { defineDaemon, runDaemon } from '@tomte/jobs'
import { z } from 'zod'
import { provision } from '../examples/provision-users/job/provision.ts'
import { fastClock } from './clock.ts'

const [dataFolder = '', people = '', secretFile = '', startMs, speed] = process.argv.slice(2)

const daemon = defineDaemon({
  name: 'provisioning',
  identity: { credentials: [{ secretFile }] },
  apis: {
    directory: (identity, environment) => graph(identity, { baseUrl: environment['GRAPH_ENDPOINT'] }),
  },
  jobs: {
    provision: {
      ...provision,
      input: z.object({ file: z.string().default(people), domain: z.string().optional() }),
      schedule: '* * * * *',
      retries: { attempts: 100, firstMs: 10_000, maxMs: 60_000 },
    },
  },
})

const code = await runDaemon({
  load: async () => daemon,
  environment: process.env,
  dataFolder,
  sink: process.stdout,
  signals: process,
  process,
  exit: (status) => process.exit(status),
  clock: fastClock({ startMs: Number(startMs), speed: Number(speed) }),
})
process.exit(code)
