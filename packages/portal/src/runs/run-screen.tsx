export { NotFoundScreen as RunScreen } from '#src/shell/other-screens.tsx'
