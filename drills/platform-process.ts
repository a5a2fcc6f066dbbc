// The platform in a process of its own, which a drill can kill: takes data folder, port, and the pace of its clock; prints one
// line when it is ready, and lives until its standard input ends.
import { startPlatform } from '@tomte/platform'
import { fastNow } from './clock.ts'

const [dataFolder = '', port, startMs, speed] = process.argv.slice(2)
const now = fastNow({ startMs: Number(startMs), speed: Number(speed) })
const { origin } = await startPlatform({ dataFolder, port: Number(port), drills: true, now })
process.stdout.write(`${origin}\n`)
process.stdin.resume().on('end', () => process.exit())
