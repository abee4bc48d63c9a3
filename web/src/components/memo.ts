import { Component, type ComponentChild } from "preact";

/**
 * Component that is rendered again only if a prop changed. Not for components that read signals: those update by
 * themselves, and this would block them.
 */
export function memo<P extends object>(draw: (props: P) => ComponentChild) {
  return class extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      return !isSame(this.props, next);
    }

    override render(): ComponentChild {
      return draw(this.props);
    }
  };
}

function isSame<P extends object>(a: P, b: P): boolean {
  const keys = Object.keys(b) as (keyof P)[];
  return keys.length === Object.keys(a).length && keys.every(key => Object.is(a[key], b[key]));
}
