// The platform as it is, from its sources, with every check and the sign-in log; in a process of its own.
import { startPlatform } from '@tomte/platform'

const { BENCH_DATA: dataFolder = '' } = process.env
const platform = await startPlatform({ dataFolder, port: 0 })
process.stdout.write(`${JSON.stringify({ port: Number(new URL(platform.origin).port), ca: platform.ca })}\n`)
process.stdin.resume().on('end', () => void platform.close().then(() => process.exit()))
