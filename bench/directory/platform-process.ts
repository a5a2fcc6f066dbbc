// A platform in a process of its own, so that what it costs can be told from what its client costs. Prints one line when it is
// ready, and the CPU time that it has had whenever a line comes in.
import { createInterface } from 'node:readline'
import { startPlatform } from '@tomte/platform'

const [, , dataFolder = '', database] = process.argv
const platform = await startPlatform({
  dataFolder,
  port: 0,
  ...(database ? { database } : {}),
})
const { origin, graphUrl, ca, operator } = platform
process.stdout.write(`${JSON.stringify({ origin, graphUrl, ca, operator })}\n`)
const lines = createInterface(process.stdin)
lines.on('line', () => {
  const { user, system } = process.cpuUsage()
  process.stdout.write(`${JSON.stringify({ cpuMs: (user + system) / 1000 })}\n`)
})
lines.on('close', () => void platform.close())
