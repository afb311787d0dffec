export { NotFoundScreen as ChangeScreen } from '#src/shell/other-screens.tsx'
