/** Shaders of cloud.js (GLSL as three.js prepares it). Colours are sRGB as they are shown. */

/** How much of the stage's colour the farthest points take. */
const FOG = 0.55;

/**
 * Points: nearer ones are larger; dimmed ones are pale, small and behind all others. With trails, each is
 * between the two of its places that `flow` lies between.
 */
export const POINT_VERTEX = `
  attribute vec3 tint;
  attribute float dimmed;
  attribute float glyph;
  uniform float size, crowding, pixelRatio, reference, glyphs, flatness, radius;
  varying vec3 vTint;
  varying float vDimmed, vGlyph, vPixels, vFog;
#ifdef TRAILS
  attribute vec3 trail1, trail2, trail3, trail4, trail5, trail6, trail7;
  uniform float flow;
  vec3 placeNow() {
    vec3 place = mix(position, trail1, clamp(flow, 0.0, 1.0));
    place = mix(place, trail2, clamp(flow - 1.0, 0.0, 1.0));
    place = mix(place, trail3, clamp(flow - 2.0, 0.0, 1.0));
    place = mix(place, trail4, clamp(flow - 3.0, 0.0, 1.0));
    place = mix(place, trail5, clamp(flow - 4.0, 0.0, 1.0));
    place = mix(place, trail6, clamp(flow - 5.0, 0.0, 1.0));
    return mix(place, trail7, clamp(flow - 6.0, 0.0, 1.0));
  }
#else
  vec3 placeNow() { return position; }
#endif
  void main() {
    vec4 seen = modelViewMatrix * vec4(placeNow(), 1.0);
    seen.z = mix(seen.z, -reference, flatness);
    vFog = smoothstep(0.0, 1.0, (-seen.z - reference) / (1.3 * radius));
    gl_Position = projectionMatrix * seen;
    float nearness = clamp(reference / max(-seen.z, 1e-6), 0.4, 3.0);
    float grown = crowding * (glyphs > 0.5 ? size * 2.6 : size * 1.6);
    vPixels = max(2.0, grown * nearness * pixelRatio * (dimmed > 0.5 ? 0.7 : 1.0));
    gl_PointSize = vPixels;
    if (dimmed > 0.5) gl_Position.z = mix(gl_Position.z, gl_Position.w, 0.999);
    vTint = tint;
    vDimmed = dimmed;
    vGlyph = glyph;
  }
`;

export const POINT_FRAGMENT = `
  uniform vec3 backdrop;
  uniform sampler2D atlas;
  uniform float glyphs;
  uniform vec2 cells;
  varying vec3 vTint;
  varying float vDimmed, vGlyph, vPixels, vFog;
  void main() {
    float alpha;
    vec3 color = vTint;
    if (glyphs > 0.5) {
      float row = floor((vGlyph + 0.5) / cells.x);
      vec2 place = (vec2(vGlyph - row * cells.x, row) + gl_PointCoord) / cells;
      alpha = texture2D(atlas, vec2(place.x, 1.0 - place.y)).a;
    } else {
      float far = length(gl_PointCoord - 0.5) * 2.0;
      float edge = 2.0 / vPixels;
      alpha = 1.0 - smoothstep(1.0 - edge, 1.0, far);
      color = mix(color, backdrop, 0.45 * smoothstep(0.6, 1.0, far));
    }
    if (alpha < 0.3) discard;
    gl_FragColor = vec4(mix(color, backdrop, max(vDimmed * 0.78, vFog * ${FOG})), alpha);
  }
`;
