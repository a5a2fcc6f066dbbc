// One worker of a fleet in a process of its own: takes its side and the address of the database from the environment, prints
// the id of each job that it has done, and lives until its standard input ends. A job is 2 ms of work and 20 ms of waiting.
import { setTimeout as sleep } from 'node:timers/promises'
import { openSide, type SideName } from './fleet-daemon.ts'

const CPU_MS = 2
const WAIT_MS = 20
const AT_ONCE = 4

const side = await openSide(
  process.env['TOMTE_BENCH_SIDE'] as SideName,
  process.env['TOMTE_BENCH_DATABASE'] ?? '',
)
await side.work(AT_ONCE, async (id) => {
  const spent = process.cpuUsage()
  for (let used = 0; used < CPU_MS * 1_000; ) {
    const { user, system } = process.cpuUsage(spent)
    used = user + system
  }
  await sleep(WAIT_MS)
  process.stdout.write(`${id}\n`)
})
process.stdout.write('ready\n')
process.stdin.resume().on('end', () => process.exit())
