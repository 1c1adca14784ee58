/** Shaders of cloud.js (GLSL as three.js prepares it). Colours are sRGB as they are shown. */

/** How much of the stage's colour the farthest points take. */
const FOG = 0.55;
/** Of a picture's side, in CSS pixels. */
const LARGEST = 72;

/**
 * Points: nearer ones are larger; dimmed ones are pale, small and behind all others. With trails, each is
 * between the two of its places that `flow` lies between.
 */
export const POINT_VERTEX = `
  attribute vec3 tint;
  attribute float dimmed;
  attribute float glyph;
  uniform vec3 backdrop;
  uniform float size, crowding, pixelRatio, reference, glyphs, flatness, radius, opacity;
  varying vec3 vTint;
  varying float vGlyph, vPixels, vThrough;
#ifdef PICTURES
  varying float vBack;
  uniform float pictureSide, perUnit;
  uniform vec2 pictureGrid;
  varying float vPicture;
  varying vec2 vCell;
#endif
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
    float fog = smoothstep(0.0, 1.0, (-seen.z - reference) / (1.3 * radius));
    gl_Position = projectionMatrix * seen;
    float nearness = clamp(reference / max(-seen.z, 1e-6), 0.4, 3.0);
    float grown = crowding * (glyphs > 0.5 ? size * 2.6 : size * 1.6);
    vPixels = max(2.0, grown * nearness * pixelRatio * (dimmed > 0.5 ? 0.7 : 1.0));
#ifdef PICTURES
    float room = min(${LARGEST}.0, pictureSide * perUnit / max(-seen.z, 1e-6));
    vPicture = glyphs > 0.5 || dimmed > 0.5 ? 0.0 : smoothstep(12.0, 22.0, room);
    if (vPicture > 0.0) vPixels = max(vPixels, mix(vPixels, room * pixelRatio, vPicture));
    vCell = vec2(mod(float(gl_VertexID), pictureGrid.x), floor(float(gl_VertexID) / pictureGrid.x));
#endif
    gl_PointSize = vPixels;
    if (dimmed > 0.5) gl_Position.z = mix(gl_Position.z, gl_Position.w, 0.999);
    // Once for a point, not for each of its pixels.
    float back = max(dimmed * 0.78, fog * ${FOG});
    vTint = mix(tint, backdrop, back);
    vThrough = opacity;
#ifdef PICTURES
    vBack = back;
    vThrough = mix(opacity, 1.0, vPicture);
#endif
    if (opacity < 0.9 && dimmed > 0.5) vThrough *= 0.3;
    vGlyph = glyph;
  }
`;

export const POINT_FRAGMENT = `
  uniform vec3 backdrop;
  uniform sampler2D atlas;
  uniform float glyphs;
  uniform vec2 cells;
  varying vec3 vTint;
  varying float vGlyph, vPixels, vThrough;
#ifdef PICTURES
  uniform sampler2D pictures;
  uniform float isGrey;
  uniform vec2 pictureGrid, pictureShape;
  varying float vPicture, vBack;
  varying vec2 vCell;
#endif
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
#ifdef PICTURES
    if (vPicture > 0.0) {
      vec2 place = 0.5 + (gl_PointCoord - 0.5) * max(pictureShape.x, pictureShape.y) / pictureShape;
      vec2 within = clamp(place * pictureShape, vec2(0.5), pictureShape - 0.5);
      vec4 seen = texture2D(pictures, (vCell * pictureShape + within) / (pictureGrid * pictureShape));
      bool isInside = all(lessThan(abs(place - 0.5), vec2(0.5)));
      // Grey pictures are drawn in the colour of the class, others as they are, in a frame of it.
      vec2 edge = vec2(2.5) / vPixels;
      bool isFrame = isGrey < 0.5 && any(greaterThan(abs(place - 0.5), 0.5 - edge));
      float shown = isInside ? (isFrame ? 1.0 : isGrey > 0.5 ? seen.r : seen.a) : 0.0;
      color = mix(color, isGrey > 0.5 || isFrame ? vTint : mix(seen.rgb, backdrop, vBack), vPicture);
      alpha = mix(alpha, shown, vPicture);
    }
#endif
    if (alpha < 0.3) discard;
    gl_FragColor = vec4(color, alpha * vThrough);
  }
`;
