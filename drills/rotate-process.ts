// A rotation in a process of its own, which kills itself as kill -9 does, before or after one thing that the rotation does.
import { rotateNow, type Rotating } from './rotating.ts'

const rotating = JSON.parse(process.argv[2] ?? '') as Rotating
const { kill } = rotating
await rotateNow(rotating, {
  force: true,
  onStep: ({ effect, when }) => {
    if (effect === kill?.effect && when === kill.when) process.kill(process.pid, 'SIGKILL')
  },
})
process.exit()
