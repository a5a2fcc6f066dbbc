// A replica of the platform in a process of its own, which a drill can kill: takes its data folder, and the address of a
// PostgreSQL from the environment; prints one line when it is ready, and lives until its standard input ends.
import { startPlatform } from '@tomte/platform'

const [dataFolder = ''] = process.argv.slice(2)
const database = process.env['TOMTE_DRILL_DATABASE']
const { origin, graphUrl, ca, operator } = await startPlatform({ dataFolder, database, port: 0 })
process.stdout.write(`${JSON.stringify({ origin, graphUrl, ca, operator })}\n`)
process.stdin.resume().on('end', () => process.exit())
