export { tomte } from './command.ts'
export { type Failure, failureOf, failureText } from './failure.ts'
export { type Output, standardOutput } from './output.ts'
export { readyDocument } from '@tomte/platform'
